"""The command line's verbs, a file each: the docstring is the help, `main(args)` returns the exit code."""
