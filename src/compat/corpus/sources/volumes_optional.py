from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="volumes-optional", description="Secrets and config maps as files, which need not exist.")
def pipeline():
    step = idle()
    kubernetes.use_secret_as_volume(step, secret_name="login", mount_path="/login", optional=True)
    kubernetes.use_config_map_as_volume(step, config_map_name="settings", mount_path="/settings", optional=True)
