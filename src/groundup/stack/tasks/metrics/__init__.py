"""How well predictions agree with what is right, as the field measures it."""
