"""How the tests are shared out between two processes."""

from xdist.scheduler import LoadFileScheduling


class FilesAndLessons(LoadFileScheduling):
    """A file stays together, because its tests share what is dear to set up; a lesson in the browser goes by itself."""

    def _split_scope(self, nodeid):
        return nodeid if "test_browser_lessons.py" in nodeid else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") == "loadfile":
        return FilesAndLessons(config, log)
