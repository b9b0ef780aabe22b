from typing import Optional

from kfp import dsl


@dsl.container_component
def show(name: str, suffix: Optional[str] = None):
    return dsl.ContainerSpec(
        image="busybox:1.36",
        command=["echo"],
        args=[
            dsl.ConcatPlaceholder(["--name=", name]),
            dsl.IfPresentPlaceholder(input_name="suffix", then=["--suffix", suffix], else_=["--plain"]),
        ],
    )


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="placeholders", description="Words that the backend fills in.")
def pipeline():
    show(name="a")
    say(text=dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
    say(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    say(text=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER)
