"""Entry point of ``python -m ncviz``."""

from ncviz.cli import main

if __name__ == "__main__":
    main()
