"""Everything that goes wrong from outside, against a running server: a clear answer each time, and nothing lost or half-done.

  bad_input.py build/test/src/app/posthorn --full
"""
import bad_files
import bad_requests
import bad_world
from harness import main

if __name__ == "__main__":
    main(__doc__, bad_files.CASES + bad_requests.CASES + bad_world.CASES)
