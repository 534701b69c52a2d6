"""`python -m tersely`: the command, where its script is not on the path."""

from tersely.cli import main

if __name__ == "__main__":
    main()
