"""The page: routes and templates over :class:`groundup.study.service.Study`. Nothing is decided here."""
