from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="field-path", description="What the pod knows about itself as an environment variable.")
def pipeline():
    kubernetes.use_field_path_as_env(idle(), env_name="POD_NAME", field_path="metadata.name")
