from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="secret-env-optional", description="Keys of secrets and config maps that need not exist.")
def pipeline():
    step = idle()
    kubernetes.use_secret_as_env(step, secret_name="login", secret_key_to_env={"user": "USER"}, optional=True)
    kubernetes.use_config_map_as_env(step, config_map_name="settings", config_map_key_to_env={"a": "A"}, optional=True)
