from kfp import dsl


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="exit-handler", description="A step that runs in any case, after the others.")
def pipeline(text: str = "done"):
    last = say(text=text)
    with dsl.ExitHandler(exit_task=last, name="guarded"):
        say(text="first")
