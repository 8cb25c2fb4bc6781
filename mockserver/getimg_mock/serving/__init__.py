"""The fake on a port: the server in a thread, and the HTTP protocol that socket faults act on."""

from getimg_mock.serving.deferred_package import defer_package

# Before any module here imports one of its modules.
defer_package("uvicorn", {"Config": "uvicorn.config"})
