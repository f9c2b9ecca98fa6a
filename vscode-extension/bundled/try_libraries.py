"""Loads every module of the language server from one folder of libraries; run by the build, without site-packages."""

import importlib
import pkgutil
import sys

# Simulator and hub are programs of their own, with libraries that the extension does not bring along.
LAYERS = ("targets", "syntax", "semantics", "rules", "project", "codegen", "runtimes", "ide", "boards", "lsp")

sys.path.insert(0, sys.argv[1])
importlib.import_module("rung.cli")
for layer in LAYERS:
    package = importlib.import_module(f"rung.{layer}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
