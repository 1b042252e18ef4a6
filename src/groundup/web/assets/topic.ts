// A topic's page: mathematics typeset, the figure drawn, the work area taken over from its plain form.
import { typeset } from "./math";
import { marksPlace } from "./tabs";

typeset(document);
marksPlace();

const figure = document.querySelector<HTMLElement>("#figure");
if (figure) void import("./figure").then((module) => module.start(figure));

const work = document.querySelector<HTMLElement>("#build");
if (work) void import("./work").then((module) => module.start(work));
