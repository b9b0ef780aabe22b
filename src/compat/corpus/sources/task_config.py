from kfp import dsl, kubernetes


@dsl.component(
    task_config_passthroughs=[
        dsl.TaskConfigField.RESOURCES,
        dsl.TaskConfigField.KUBERNETES_TOLERATIONS,
        dsl.TaskConfigField.KUBERNETES_NODE_SELECTOR,
        dsl.TaskConfigField.KUBERNETES_AFFINITY,
        dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.ENV, apply_to_task=True),
        dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.KUBERNETES_VOLUMES, apply_to_task=True),
    ],
)
def submit(config: dsl.TaskConfig):
    print(config.resources)


@dsl.pipeline(name="task-config", description="A step that hands its own settings on to the job it starts.")
def pipeline():
    step = submit().set_cpu_limit("2").set_env_variable("LEVEL", "debug")
    kubernetes.add_node_selector(step, "disk", "ssd")
