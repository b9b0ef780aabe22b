from kfp import dsl


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="literals", description="A parameter that takes one of a few values.")
def pipeline(mode: str = "fast"):
    say(text=mode)


# No released SDK writes this field; its message has it.
for value in ["fast", "slow"]:
    pipeline.pipeline_spec.root.input_definitions.parameters["mode"].literals.add().string_value = value
