from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="semaphore", description="So many runs at once, and only one of a kind.")
def pipeline():
    idle()


# No released SDK writes these fields; for some releases, their message had them.
config = pipeline.platform_spec.platforms["kubernetes"].pipelineConfig
config.semaphore_key = "heavy"
config.mutex_name = "one-at-a-time"
