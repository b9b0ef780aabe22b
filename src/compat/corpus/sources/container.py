from kfp import dsl
from kfp.dsl import Artifact, Output


@dsl.container_component
def shout(text: str, loud: Output[Artifact]):
    return dsl.ContainerSpec(
        image="busybox:1.36",
        command=["sh", "-ec", 'mkdir -p "$(dirname "$1")"; echo "$0" | tr a-z A-Z > "$1"'],
        args=[text, loud.path],
    )


@dsl.pipeline(name="container", description="A step that is a container image of anybody's.")
def pipeline(text: str = "hello"):
    shout(text=text)
