from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="config-maps", description="Config maps as environment variables and as files.")
def pipeline():
    step = idle()
    kubernetes.use_config_map_as_env(step, config_map_name="settings", config_map_key_to_env={"a": "A"})
    kubernetes.use_config_map_as_volume(step, config_map_name="settings", mount_path="/settings")
