from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="retry", description="Steps that are tried again, at once and with growing pauses.")
def pipeline():
    idle().set_retry(num_retries=2)
    idle().set_retry(
        num_retries=3, backoff_duration="30s", backoff_factor=2.0, backoff_max_duration="3600s"
    )
