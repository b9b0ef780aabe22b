from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="resource-ttl", description="How long a finished run is kept, by the name that the field had at first.")
def pipeline():
    idle()


# No released SDK writes this field; for some releases, its message had it.
pipeline.platform_spec.platforms["kubernetes"].pipelineConfig.resource_ttl = 3600
