"""A real Chromium without a window, as Debian packages it, for tests of what web pages can do."""

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHOUT = "Chromium is not on this machine, so what web pages can do was NOT tested: apt-get install chromium"
