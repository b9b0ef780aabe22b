"""Compiles pipeline sources with the SDK of the Python that runs this. Started by `cargo xtask gen corpus`.

Usage: compile.py SOURCES OUTPUT NAME... [--set KEY=VALUE]...

Each NAME is SOURCES/NAME.py, which defines `pipeline`, or `make_pipeline(**settings)` that returns it. The result is OUTPUT/NAME.yaml.
"""

import argparse
import importlib.util
import pathlib
import sys
import warnings


def load(path):
    """The module that a file holds; functions in it can be read as text, which the SDK does."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sources", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    settings = dict(setting.split("=", 1) for setting in arguments.settings)

    # Old SDKs warn about what Python has deprecated since.
    warnings.simplefilter("ignore")
    from kfp import compiler

    failed = False
    for name in arguments.names:
        try:
            module = load(arguments.sources / f"{name}.py")
            pipeline = module.make_pipeline(**settings) if settings else module.pipeline
            target = arguments.output / f"{name}.yaml"
            compiler.Compiler().compile(pipeline_func=pipeline, package_path=str(target))
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
