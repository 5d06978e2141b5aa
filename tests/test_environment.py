"""What a run runs on: chosen before anything expensive, written down without names of hosts and people."""

from __future__ import annotations

import builtins
import getpass
import json
import socket

import pytest
import torch

from mixutils.runs import environment
from mixutils.runs.environment import describe, pick_attention, pick_device, pick_precision, set_up
from mixutils.runs.launch import devices

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def _switches():
    """Process-wide switches are put back."""
    precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_float32_matmul_precision(precision)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture
def cards(monkeypatch):
    """Pretends that this machine has some CUDA devices."""

    def pretend(count: int, bfloat16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bfloat16)

    return pretend


@pytest.mark.parametrize(("count", "device"), [(0, "cpu"), (2, "cuda")])
def test_auto_takes_a_gpu_where_there_is_one(count, device, cards):
    cards(count)
    assert pick_device("auto").type == device
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize(("count", "name"), [(0, "cuda"), (0, "cuda:0"), (2, "cuda:2")])
def test_a_card_that_is_not_there_is_refused_with_their_number(count, name, cards):
    cards(count)
    with pytest.raises(RuntimeError, match=f"{name} is not there: this machine shows {count} CUDA devices"):
        pick_device(name)


def test_a_card_that_is_there_is_taken(cards):
    cards(2)
    assert pick_device("cuda") == GPU
    assert pick_device("cuda:1") == torch.device("cuda", 1)


def test_mps_is_taken_where_torch_has_it_and_said_to_be_untested(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.warns(UserWarning, match="the device mps is untested"):
        assert pick_device("mps") == torch.device("mps")
    assert pick_precision("auto", torch.device("mps")) == "float32"
    with pytest.warns(UserWarning, match="untested"):
        assert [devices("mps", n) for n in (0, 3)] == [["mps"], ["mps"] * 3]


@pytest.mark.parametrize("name", ["tpu", "gpu", "", "cuda:x", "meta", "mps"])
def test_other_devices_are_refused_with_the_right_names(name):
    with pytest.raises(RuntimeError, match=f"auto, cpu, cuda or cuda:N, not '{name}'"):
        pick_device(name)


@pytest.mark.parametrize("hardware", [True, False])
def test_bfloat16_is_chosen_only_where_the_hardware_multiplies_in_it(hardware, cards, monkeypatch):
    cards(1, hardware)
    monkeypatch.setattr(environment, "cpu_bfloat16", lambda: hardware)
    expected = "bfloat16" if hardware else "float32"
    assert pick_precision("auto", CPU) == pick_precision("auto", GPU) == expected
    for name in ("float32", "bfloat16"):
        assert pick_precision(name, CPU) == pick_precision(name, GPU) == name


def test_attention_is_plain_on_a_cpu_and_fused_on_a_gpu_unless_asked_for():
    assert (pick_attention("auto", CPU), pick_attention("auto", GPU)) == ("packed", "sdpa")
    assert pick_attention("eager", CPU) == pick_attention("eager", GPU) == "eager"


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """Pretend rates of the two kernels, and a cache of this test's own."""
    calls = []

    def pretend(highest: float, medium: float) -> list:
        def measure(rounds: int = 15):
            calls.append(rounds)
            return {"highest": highest, "medium": medium}

        monkeypatch.setattr(environment, "_measure_kernels", measure)
        environment.float32_kernel.cache_clear()
        return calls

    monkeypatch.setenv("MIXUTILS_CACHE", str(tmp_path))
    yield pretend
    environment.float32_kernel.cache_clear()


@pytest.mark.parametrize(
    ("rates", "chosen"), [((80, 160), "medium"), ((350, 200), "highest"), ((80, 80), "highest"), ((80, 83), "highest")]
)
def test_the_faster_kernel_is_measured_once_per_machine_and_a_tie_is_torchs_default(rates, chosen, kernel):
    calls = kernel(*rates)
    assert environment.float32_kernel() == chosen
    kernel(*reversed(rates))  # another process, which would measure something else
    assert environment.float32_kernel() == chosen
    assert len(calls) == 1


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"x": 1}', '{"KEY": {"kernel": "fast"}}'])
def test_a_broken_note_of_the_kernel_is_measured_again(content, kernel, tmp_path):
    calls = kernel(80, 160)
    key = f"{environment.cpu_name()}, torch {torch.__version__}"
    (tmp_path / "float32-kernel.json").write_text(content.replace("KEY", key))
    assert environment.float32_kernel() == "medium"
    assert len(calls) == 1


def test_the_measurement_leaves_torch_as_it_was_and_finds_positive_rates():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    rates = environment._measure_kernels(rounds=1)
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before
    assert set(rates) == set(environment.KERNELS)
    assert min(rates.values()) > 0


@pytest.mark.parametrize(
    ("name", "bf16", "amx", "word", "matmul"),
    [
        ("auto", True, False, "bfloat16", "medium"),
        ("auto", False, False, "float32-highest", "highest"),
        ("float32", True, False, "float32-highest", "highest"),
        ("float32-medium", False, False, "float32-medium", "medium"),
        ("float32-highest", True, False, "float32-highest", "highest"),
        ("float32-medium", False, True, "float32-highest", "highest"),
        ("auto", True, True, "bfloat16", "highest"),
    ],
)
def test_a_precision_and_its_kernel_are_one_word(name, bf16, amx, word, matmul, kernel, monkeypatch):
    kernel(90, 80)
    monkeypatch.setattr(environment, "cpu_bfloat16", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert environment.resolve_precision(name, CPU) == word
    set_up(CPU, 1, name)
    assert torch.get_float32_matmul_precision() == matmul
    assert environment.resolve_precision("float32-medium", GPU) == "float32-highest"


def test_auto_may_be_told_what_it_stands_for(monkeypatch):
    monkeypatch.setattr(environment, "cpu_bfloat16", lambda: True)
    monkeypatch.setenv("MIXUTILS_PRECISION", "float32-medium")
    assert pick_precision("auto", CPU) == "float32"
    assert environment.resolve_precision("auto", CPU) == "float32-medium"
    assert environment.resolve_precision("bfloat16", CPU) == "bfloat16"  # a run that says what it wants gets it
    monkeypatch.setenv("MIXUTILS_PRECISION", "half")
    with pytest.raises(RuntimeError, match=r"the precision must be one of auto, .* not 'half'"):
        pick_precision("auto", CPU)


def test_the_commit_is_that_of_the_checkout_or_unknown(monkeypatch, tmp_path):
    environment.commit.cache_clear()
    monkeypatch.setattr(environment.paths, "ROOT", tmp_path)  # no repository
    assert environment.commit() == ""
    environment.commit.cache_clear()


def test_the_chosen_switch_loses_no_digits_of_float32_here():
    set_up(CPU, 1)
    a, b = (torch.randn(96, 96, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    exact = a.double() @ b.double()
    assert (a @ b - exact).abs().max() < 2e-5 * exact.abs().max()


def test_a_gpu_computes_the_same_bits_every_time(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is put back
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    set_up(GPU, 1)  # switches only; no card is touched
    assert torch.are_deterministic_algorithms_enabled()
    assert environment.os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.get_float32_matmul_precision() == "highest"


def test_the_description_is_what_was_set_up_and_names_nobody():
    set_up(CPU, 1)
    found = describe(CPU, "float32")
    assert (found["device_type"], found["precision"], found["threads"]) == ("cpu", "float32", 1)
    assert found["matmul"] == torch.get_float32_matmul_precision()
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert set(found["versions"]) == set(environment.VERSIONS)
    text = json.loads(json.dumps(found))
    assert text == found
    values = {str(v) for v in (*found.values(), *found["versions"].values())}
    assert not values & {socket.gethostname(), getpass.getuser()}


def test_a_package_that_is_missing_is_said():
    assert environment.version("no-such-package") == "not installed"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("processor : 0\nmodel name\t: Some CPU @ 2: 3 GHz\nmodel name\t: other\n", "Some CPU @ 2: 3 GHz"),
        ("", None),
        (None, None),
    ],
)
def test_the_processor_has_a_name_on_every_system(content, name, tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    if content is not None:
        path.write_text(content)
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda p, *a, **k: real(path if p == "/proc/cpuinfo" else p, *a, **k))
    monkeypatch.setattr(environment.platform, "processor", lambda: "")
    monkeypatch.setattr(environment.platform, "machine", lambda: "some machine")
    assert environment.cpu_name() == (name or "some machine")
