"""CONFIGURATION, RESOURCE, TASK, and what a program without them gets."""

from __future__ import annotations

from rung.semantics.model import Configuration
from semantics.checking import check, problems_of, program_of

PLANT = """
PROGRAM Main
VAR_INPUT setpoint : INT; END_VAR
VAR_OUTPUT level : INT; END_VAR
VAR lamp AT %Q* : BOOL; END_VAR
    level := setpoint;
    lamp := level > 5;
END_PROGRAM
PROGRAM Slow
END_PROGRAM
CONFIGURATION Config0
    VAR_GLOBAL shown : INT; start : BOOL; END_VAR
    RESOURCE Res0 ON PLC
        VAR_GLOBAL local : INT; END_VAR
        TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
        TASK once(SINGLE := start, PRIORITY := 5);
        PROGRAM one WITH fast : Main(setpoint := 5, level => shown);
        PROGRAM two WITH once : Slow;
        PROGRAM three : Slow;
    END_RESOURCE
    VAR_CONFIG Res0.one.lamp AT %QX0.3 : BOOL; END_VAR
END_CONFIGURATION
"""


def configuration_of(text: str) -> Configuration:
    program = program_of(text)
    assert program.problems == []
    assert program.configuration is not None
    return program.configuration


def test_a_configuration_is_read() -> None:
    configuration = configuration_of(PLANT)
    [resource] = configuration.resources
    assert (configuration.name, resource.name, resource.processor) == ("Config0", "Res0", "PLC")
    assert list(configuration.globals) == ["SHOWN", "START"]
    assert list(resource.globals) == ["LOCAL"]
    fast, once = resource.tasks
    assert (fast.interval_ns, fast.priority, fast.single) == (10_000_000, 1, None)
    assert (once.interval_ns, once.single) == (None, configuration.globals["START"])
    assert [(instance.name, instance.pou.name, instance.task) for instance in resource.instances] == [
        ("one", "Main", fast),
        ("two", "Slow", once),
        ("three", "Slow", None),
    ]


def test_connections_are_read() -> None:
    configuration = configuration_of(PLANT)
    given, shown = configuration.resources[0].instances[0].connections
    assert (given.parameter.name, given.output, given.constant, given.variable) == ("setpoint", False, 5, None)
    assert (shown.parameter.name, shown.output, shown.variable) == ("level", True, configuration.globals["SHOWN"])


def test_var_config_gives_addresses() -> None:
    addresses = configuration_of(PLANT).addresses
    assert {path: located.text for path, located in addresses.items()} == {"ONE.LAMP": "%QX0.3"}


def test_a_lone_program_runs_every_20_ms_under_its_own_name() -> None:
    configuration = configuration_of("PROGRAM Blinker\nEND_PROGRAM\n")
    [resource] = configuration.resources
    [task] = resource.tasks
    [instance] = resource.instances
    assert configuration.implied
    assert (configuration.name, resource.name) == ("Config0", "Res0")
    assert task.interval_ns == 20_000_000
    assert (instance.name, instance.pou.name, instance.task) == ("Blinker", "Blinker", task)


def test_without_a_program_there_is_nothing_to_run() -> None:
    assert program_of("FUNCTION_BLOCK F\nEND_FUNCTION_BLOCK\n").configuration is None


def test_two_programs_without_a_configuration_are_both_named() -> None:
    [problem] = problems_of("PROGRAM One\nEND_PROGRAM\nPROGRAM Two\nEND_PROGRAM\n")
    assert problem.code == "TSK001"
    assert "'One' and 'Two'" in problem.message
    assert len(problem.related) == 1


def test_misspelt_tasks_and_programs_are_reported_with_the_nearest() -> None:
    check("""
        PROGRAM Main
        END_PROGRAM
        CONFIGURATION Config0
            RESOURCE Res0 ON PLC
                TASK fast(INTERVALL := T#20ms, PRIORITY := 1);
                   //^^^^ warning[TSK007]: Nothing starts task 'fast'
                        //^^^^^^^^^ error[TSK004]: Did you mean INTERVAL?
                PROGRAM one WITH fats : Main;
                               //^^^^ error[TSK009]: There is no task 'fats' in this RESOURCE. Did you mean 'fast'?
                PROGRAM two WITH fast : Mian;
                                      //^^^^ error[TSK008]: There is no PROGRAM 'Mian'. Did you mean 'Main'?
            END_RESOURCE
        END_CONFIGURATION
    """)


def test_a_task_runs_programs_only() -> None:
    check("""
        FUNCTION_BLOCK Pump
        END_FUNCTION_BLOCK
        CONFIGURATION Config0
            RESOURCE Res0 ON PLC
                TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
                PROGRAM one WITH fast : Pump;
                                      //^^^^ error[TSK008]: 'Pump' is a FUNCTION_BLOCK; a task runs only PROGRAMs
            END_RESOURCE
        END_CONFIGURATION
    """)


def test_an_instance_in_a_block_needs_its_address_too() -> None:
    text = """
        FUNCTION_BLOCK Lamp
        VAR out AT %Q* : BOOL; END_VAR
            out := TRUE;
        END_FUNCTION_BLOCK
        PROGRAM Main
        VAR left, right : Lamp; END_VAR
            left();
            right();
        END_PROGRAM
        CONFIGURATION Config0
            RESOURCE Res0 ON PLC
                TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
                PROGRAM one WITH fast : Main;
            END_RESOURCE
            VAR_CONFIG one.left.out AT %QX0.0 : BOOL; END_VAR
        END_CONFIGURATION
    """
    [problem] = problems_of(text)
    assert problem.code == "LOC011"
    assert "ONE.RIGHT.OUT" in problem.message


def test_a_global_of_another_width_is_found_in_a_resource() -> None:
    program = program_of(
        PLANT.replace("VAR lamp", "VAR_EXTERNAL local : INT; END_VAR\nVAR lamp").replace(
            "level := setpoint", "level := local"
        )
    )
    assert program.problems == []
    assert program.configuration is not None
    assert program.pous["MAIN"].variables["LOCAL"].target is program.configuration.resources[0].globals["LOCAL"]
