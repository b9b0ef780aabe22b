from kfp import dsl


@dsl.container_component
def fail(result: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox:1.36", command=["false"], args=[result])


@dsl.container_component
def say(text: str = "nothing"):
    return dsl.ContainerSpec(image="busybox:1.36", command=["echo"], args=[text])


@dsl.pipeline(name="ignore-upstream-failure", description="A step that runs although the one before it failed.")
def pipeline():
    failed = fail()
    say(text=failed.outputs["result"]).ignore_upstream_failure()
