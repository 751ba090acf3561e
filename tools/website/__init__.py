"""The parts of `tools/site.py`: what becomes a page, how it is drawn, found and checked."""
