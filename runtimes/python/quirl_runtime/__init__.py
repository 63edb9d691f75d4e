"""The parts of the Python runtime, in a package so that their names stay free for actions."""
