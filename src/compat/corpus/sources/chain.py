from kfp import dsl, kubernetes


@dsl.container_component
def shout(text: str, times: int, loud: dsl.OutputPath(str), log: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec(
        image="busybox:1.36",
        command=["sh", "-ec", 'for turn in $(seq "$1"); do echo "$0"; done | tee "$3" > "$2"'],
        args=[text, times, loud, log.path],
    )


def make_pipeline(count):
    """A chain of so many steps, each with resources, a retry and a secret: what the size of pipelines is measured by."""

    @dsl.pipeline(name=f"chain-{count}", description="Steps one after the other.")
    def pipeline(text: str = "hello"):
        word = text
        for step in range(int(count)):
            task = shout(text=word, times=step + 1)
            task.set_display_name(f"Step {step + 1}").set_cpu_limit("500m").set_memory_limit("256Mi")
            task.set_retry(num_retries=2, backoff_duration="10s").set_env_variable("STEP", str(step))
            kubernetes.use_secret_as_env(task, secret_name="login", secret_key_to_env={"user": "USER"})
            word = task.outputs["loud"]

    return pipeline
