"""`python -m netpulse` is `netpulse`."""

from netpulse.cli import main

if __name__ == "__main__":
    main()
