from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="pipeline-root", description="Artifacts go where the pipeline says.", pipeline_root="s3://bucket/of/ours")
def pipeline():
    idle()
