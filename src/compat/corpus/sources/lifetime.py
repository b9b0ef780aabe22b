from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(
    name="lifetime",
    description="How long a run may take and how long it is kept.",
    pipeline_config=dsl.PipelineConfig(
        ttl_seconds_after_finished=86400,
        ttl_seconds_after_success=3600,
        ttl_seconds_after_failure=604800,
        active_deadline_seconds=7200,
    ),
)
def pipeline():
    idle()
