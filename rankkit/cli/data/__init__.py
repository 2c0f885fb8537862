"""Commands that read and write data, and the options by which all commands read it."""
