import datetime
import types

from kfp import components, dsl
from kfp.compiler import compiler


class Always(datetime.datetime):
    """The SDK writes the time of compilation; the output must not depend on it."""

    @classmethod
    def now(cls, tz=None):
        return cls(2023, 7, 1)


compiler.datetime = types.SimpleNamespace(datetime=Always)


add = components.load_component_from_text("""
name: Add
inputs:
- {name: a, type: Integer}
- {name: b, type: Integer}
outputs:
- {name: sum, type: Integer}
implementation:
  container:
    image: busybox:1.36
    command: [sh, -ec, 'mkdir -p "$(dirname "$2")"; echo $(($0 + $1)) > "$2"']
    args: [{inputValue: a}, {inputValue: b}, {outputPath: sum}]
""")


@dsl.pipeline(name="v1", description="A pipeline of the first generation: an Argo Workflow.")
def pipeline(a: int = 1, b: int = 2):
    first = add(a, b)
    add(first.output, 3).set_memory_limit("1Gi")
