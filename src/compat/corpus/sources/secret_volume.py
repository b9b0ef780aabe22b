from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="secret-volume", description="A secret as files.")
def pipeline():
    kubernetes.use_secret_as_volume(idle(), secret_name="login", mount_path="/login")
