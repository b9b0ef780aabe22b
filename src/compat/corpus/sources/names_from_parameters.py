from kfp import dsl, kubernetes


@dsl.container_component
def choose(result: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec", 'echo login > "$0"'], args=[result])


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="names-from-parameters", description="Secrets, config maps and claims whose names the run or a step gives.")
def pipeline(secret: str = "login", settings: str = "settings"):
    step = idle()
    kubernetes.use_secret_as_env(step, secret_name=secret, secret_key_to_env={"user": "USER"})
    kubernetes.use_config_map_as_volume(step, config_map_name=settings, mount_path="/settings")
    kubernetes.set_image_pull_secrets(step, [secret])
    kubernetes.use_secret_as_volume(idle(), secret_name=choose().outputs["result"], mount_path="/login")
