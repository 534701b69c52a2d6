"""One file per task: rows of a data set -> examples."""
