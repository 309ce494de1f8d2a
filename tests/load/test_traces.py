"""Strict trace readers and the generator."""

from __future__ import annotations

import numpy as np
import pytest

from tests.load.bench import workload_of
from twin.errors import SpecError
from twin.load.generator import RequestClass, generate_trace
from twin.load.traces import read_trace

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
GOOD = HEADER + "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n"


def test_azure_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    trace = read_trace(path)
    assert trace.time_s.tolist() == pytest.approx([0.0, 4.314579])
    assert trace.new_tokens.tolist() == [374, 396] and trace.output_tokens.tolist() == [44, 109]
    assert trace.length_s == pytest.approx(2 * 4.314579)


def test_every_broken_line_is_listed_with_its_place(tmp_path):
    path = tmp_path / "b.csv"
    broken = "2023-11-16 18:15:51,abc,3\nnonsense\n2023-11-16 18:15:40.0,5,-1\n2023-11-16 18:16:00,5,1e3\n"
    path.write_text(GOOD + broken)
    with pytest.raises(SpecError) as error:
        read_trace(path)
    places = [(p.line, p.where) for p in error.value.problems]
    assert places == [(4, "ContextTokens"), (5, "line"), (6, "GeneratedTokens"), (7, "GeneratedTokens")]
    assert f"{path}:4: ContextTokens: found 'abc'" in str(error.value)


def test_time_that_goes_back_and_wrong_header(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("a,b,c\n2023-11-16 18:15:46,1,1\n2023-11-16 18:15:40,1,1\n")
    with pytest.raises(SpecError) as error:
        read_trace(path)
    assert [(p.line, p.where) for p in error.value.problems] == [(1, "header"), (3, "TIMESTAMP")]


def test_mooncake_prefixes_count_as_cached(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text(
        '{"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 2]}\n'
        '{"timestamp": 2000, "input_length": 1300, "output_length": 6, "hash_ids": [0, 1, 3]}\n'
    )
    trace = read_trace(path)
    assert trace.cached_tokens.tolist() == [0, 1024] and trace.new_tokens.tolist() == [1100, 276]
    path.write_text('{"timestamp": 0, "input_length": 0, "output_length": true}\n{broken\n[1]\n')
    with pytest.raises(SpecError) as error:
        read_trace(path)
    assert [p.line for p in error.value.problems] == [1, 1, 2, 3]


def test_missing_file_and_unknown_suffix(tmp_path):
    for name in ("none.csv", "x.txt"):
        with pytest.raises(SpecError):
            read_trace(tmp_path / name)


def test_generator_has_the_stated_statistics():
    kind = RequestClass(1.0, 1020.0, 0.9, 8000, 0.0, 0.0, 0, 129.0, 1.0, 1000)
    trace = generate_trace({"chat": kind}, count=60000, length_s=3600.0, variance_over_mean=1.39, seed=3, element="P")
    assert trace.count == pytest.approx(60000, rel=0.02)
    assert np.median(trace.new_tokens) == pytest.approx(1020, rel=0.02)
    assert np.median(trace.output_tokens) == pytest.approx(129, rel=0.02)
    per_second = np.bincount(trace.time_s.astype(int), minlength=3600)
    assert per_second.var() / per_second.mean() == pytest.approx(1.39, rel=0.08)


def test_default_sessions_have_the_published_step_statistics():
    work = workload_of()
    c = RequestClass(**work.generator.classes["session_step"].model_dump(exclude={"source"}))
    t = generate_trace({"s": c}, count=40000, length_s=3600.0, variance_over_mean=1.0, seed=2, element="P")
    warm = t.cached_tokens > 0
    assert np.median(t.new_tokens[warm]) == pytest.approx(857, rel=0.10)
    assert np.median(t.output_tokens) == pytest.approx(220, rel=0.10)
    assert np.median(t.cached_tokens[warm]) == pytest.approx(121_000, rel=0.10)
    assert (~warm).mean() == pytest.approx(0.03, rel=0.15)
    assert np.percentile(t.new_tokens[warm], 90) == pytest.approx(857 * np.exp(1.2816 * 1.2), rel=0.15)


def test_classes_draw_from_streams_of_their_own():
    a = RequestClass(1.0, 1000.0, 1.0, 8000, 0.0, 0.0, 0, 100.0, 1.0, 1000)
    b = RequestClass(1.0, 10.0, 0.0, 8000, 5000.0, 0.5, 100000, 77.0, 0.0, 1000)
    other_b = RequestClass(**{**b.__dict__, "new_sigma": 0.9, "output_sigma": 0.4})
    made = [
        generate_trace({"a": a, "b": kind}, count=4000, length_s=600.0, variance_over_mean=1.0, seed=1, element="P")
        for kind in (b, other_b)
    ]
    of_a = made[0].cached_tokens == 0
    assert np.array_equal(made[0].time_s, made[1].time_s) and 1500 < of_a.sum() < 2500
    assert np.array_equal(made[0].new_tokens[of_a], made[1].new_tokens[of_a])
    assert not np.array_equal(made[0].new_tokens[~of_a], made[1].new_tokens[~of_a])
