"""Each kind of models at the command line: its files, how its data is read, how it is measured."""
