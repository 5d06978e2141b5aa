import sys

if __name__ == "__main__":
    try:
        from .cli import main
    except KeyboardInterrupt:  # the libraries take seconds to load
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(main())
