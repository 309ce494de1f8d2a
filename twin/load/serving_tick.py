"""One second of one serving pool: exact FIFO prefill, decode as processor sharing in token time (compiled).

Every request is followed. Prefill workers take whole prompts in order (batched up to a token budget). Decode runs
all requests of a rack at one common rate, so a clock V of tokens per request orders all completions: a request
admitted at V with o tokens to make completes at V + o, found in a calendar by token count. Nothing loops over
the running requests. Each change of the calendar is journalled, so a second can be undone exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# columns of the integer state per rack
RUNNING, OK, SUM_START, SUM_START_OK, CONTEXT, RESERVED = 0, 1, 2, 3, 4, 5
Q_HEAD, Q_TAIL, D_HEAD, D_TAIL, TRANSIT, DONE, DONE_OK = 6, 7, 8, 9, 10, 11, 12
INTEGERS = 13
# columns of the float state per rack
CLOCK_V, RATE, DONE_RATE = 0, 1, 2
FLOATS = 3
# calendar columns
C_COUNT, C_OK, C_RESERVED, C_OUTPUT, C_OUTPUT_OK = 0, 1, 2, 3, 4
# coefficient vector
(W_REP, W_EXP, LN_MISS, LIN, READ, ATT, EXCH, LATENCY, FIXED, P_LIN, P_ATT, ACCEPT, DRAFTS, KV_S, B_REP, B_EXP, B_KV,
 F_LIN, F_ATT, F_PRE) = range(20)
COEFFICIENTS = 20
# limits vector
(Q_LIMIT, D_LIMIT, PASS_TOKENS, PASS_PROMPTS, KV_PER_GPU, BATCH_PER_GPU, TIMEOUT_S, TTFT_LIMIT, ITL_LIMIT,
 SHARED) = range(10)
LIMITS = 10
# result columns per rack
(R_ARRIVED, R_COMPLETED, R_REJECTED, R_PROMPT, R_TOKENS, R_TOKENS_OK, R_PREFILL_S, R_DECODE_S, R_BYTES, R_FLOPS,
 R_BATCH, R_STEP, R_PREFILL_TOKENS, R_PREFILL_RUN_S, R_PREFILL_BYTES, R_PREFILL_FLOPS, R_CONTEXT_MOVED) = range(17)
RESULTS = 17


@njit(cache=True)
def decode_s(k, b, s, n, clock, net, hbm):
    """Decode step of b requests at mean context s on n GPUs [s] (the equation of performance.decode_step_s)."""
    x = b * (1.0 + k[DRAFTS])
    miss = k[LN_MISS] * x
    touched = 1.0 - np.exp(miss) if miss > -40.0 else 1.0
    linear = max((k[W_REP] + k[W_EXP] * touched / n) / hbm, k[LIN] * x / (n * clock))
    attend = max(b / n * s * k[READ] / hbm, k[ATT] * s * x / (n * clock))
    return linear + attend + k[EXCH] * x / n / net + k[LATENCY] + k[FIXED]


@njit(cache=True)
def prefill_s(k, tokens, pairs, m, clock, net, hbm):
    """Prefill pass on m GPUs [s] (the equation of performance.prefill_pass_s)."""
    miss = k[LN_MISS] * tokens
    touched = 1.0 - np.exp(miss) if miss > -40.0 else 1.0
    linear = max((k[W_REP] + k[W_EXP] * touched / m) / hbm, k[P_LIN] * tokens / (m * clock))
    return linear + k[P_ATT] * pairs / (m * clock) + k[EXCH] * tokens / m / net + k[LATENCY] + k[FIXED]


@njit(cache=True)
def _log_bin(value, low, per_decade, count):
    if value <= low:
        return 0
    return min(count - 1, int(np.log10(value / low) * per_decade))


@njit(cache=True)
def _note(journal, used, r, bucket, count, ok, reserved, output, output_ok):
    if used[0] >= journal.shape[0]:
        return False
    j = used[0]
    journal[j, 0], journal[j, 1], journal[j, 2], journal[j, 3] = r, bucket, count, ok
    journal[j, 4], journal[j, 5], journal[j, 6] = reserved, output, output_ok
    used[0] = j + 1
    return True


@njit(cache=True)
def _push(queue, whole, r, tail_column, available, new, cached, output, first):
    slot = whole[r, tail_column]
    queue[r, slot, 0], queue[r, slot, 1], queue[r, slot, 2] = available, new, cached
    queue[r, slot, 3], queue[r, slot, 4] = output, first
    whole[r, tail_column] += 1


@njit(cache=True)
def _target(r, state, live):
    """The live rack with the shortest prefill queue (ties: the first), or r itself when there is none."""
    best, length = r, -1
    for j in range(live.size):
        if live[j] > 0.0 and (length < 0 or state[j, Q_TAIL] - state[j, Q_HEAD] < length):
            best, length = j, state[j, Q_TAIL] - state[j, Q_HEAD]
    return best


@njit(cache=True)
def _evacuate(r, now, state, real, queue, wait, transit, calendar, journal, used, live, results, q_limit):
    """Move every request of a lost rack to the live racks: KV is lost, delivered tokens stay delivered."""
    while state[r, Q_HEAD] < state[r, Q_TAIL]:
        row = queue[r, state[r, Q_HEAD]].copy()
        to = _target(r, state, live)
        state[r, Q_HEAD] += 1
        if state[to, Q_TAIL] - state[to, Q_HEAD] < q_limit:
            _push(queue, state, to, Q_TAIL, max(now, row[0]), row[1], row[2], row[3], row[4])
        else:
            results[r, R_REJECTED] += 1
    for j in range(state[r, TRANSIT]):
        to = _target(r, state, live)
        if state[to, Q_TAIL] - state[to, Q_HEAD] < q_limit:
            _push(queue, state, to, Q_TAIL, now, transit[r, j, 1], 0.0, transit[r, j, 2], transit[r, j, 3])
        else:
            results[r, R_REJECTED] += 1
    state[r, TRANSIT] = 0
    while state[r, D_HEAD] < state[r, D_TAIL]:
        row = wait[r, state[r, D_HEAD]].copy()
        state[r, D_HEAD] += 1
        to = _target(r, state, live)
        if state[to, Q_TAIL] - state[to, Q_HEAD] < q_limit:
            _push(queue, state, to, Q_TAIL, now, row[1], 0.0, row[3], row[4])
        else:
            results[r, R_REJECTED] += 1
    mask = calendar.shape[1] - 1
    at = int(np.floor(real[r, CLOCK_V]))
    for ahead in range(1, calendar.shape[1]):
        if state[r, RUNNING] == 0:
            break
        cell = calendar[r, (at + ahead) & mask]
        count = cell[C_COUNT]
        if count == 0:
            continue
        context, left = (cell[C_RESERVED] - cell[C_OUTPUT]) // count, cell[C_OUTPUT]
        for j in range(count):  # the sums of the cell are shared out as whole tokens, none lost
            own = left // (count - j)
            left -= own
            made = max(0, min(own - 1, own - ahead))
            remaining = own - made
            to = _target(r, state, live)
            state[r, DONE] += made
            if state[to, Q_TAIL] - state[to, Q_HEAD] < q_limit:
                _push(queue, state, to, Q_TAIL, now, context + made, 0.0, remaining, np.nan)
            else:
                results[r, R_REJECTED] += 1
        if not _note(journal, used, r, (at + ahead) & mask, -count, -cell[C_OK], -cell[C_RESERVED], -cell[C_OUTPUT],
                     -cell[C_OUTPUT_OK]):
            return False
        state[r, RUNNING] -= count
        for c in range(5):
            cell[c] = 0
    state[r, RUNNING], state[r, OK], state[r, CONTEXT], state[r, RESERVED] = 0, 0, 0, 0
    state[r, SUM_START], state[r, SUM_START_OK] = 0, 0
    real[r, RATE], real[r, DONE_RATE] = 0.0, 0.0
    return True


@njit(cache=True)
def serve_second(
    now, steps, count, at_s, which, draw, sizes, state, real, free, queue, wait, transit, calendar,
    journal, used, k, limit, decode_gpus, workers, worker_gpus, clock, net, hbm, stop, weight, ttft, itl, ttft_bins,
    itl_bins, results,
):
    """Advance one pool by the second that starts at `now`; returns 0, or a positive code when a buffer is full.

    stop: per rack the part of the second it works (1: all, 0: dark, between: lost on the way). weight: routing
    share per rack. results, ttft, itl are filled anew.
    """
    racks = state.shape[0]
    used[0] = 0
    results[:] = 0.0
    ttft[:] = 0.0
    itl[:] = 0.0
    mask = calendar.shape[1] - 1
    live = np.zeros(racks)
    total_weight = 0.0
    for r in range(racks):
        live[r] = 1.0 if stop[r] > 0.0 and weight[r] > 0.0 else 0.0
        total_weight += weight[r] if live[r] > 0.0 else 0.0
    before = np.zeros(racks)
    for r in range(racks):
        before[r] = state[r, DONE] + state[r, RUNNING] * real[r, CLOCK_V] - state[r, SUM_START]
        if stop[r] <= 0.0 and total_weight > 0.0 and (
            state[r, RUNNING] + state[r, TRANSIT] + state[r, Q_TAIL] - state[r, Q_HEAD] + state[r, D_TAIL]
            - state[r, D_HEAD] > 0
        ):
            if not _evacuate(r, now, state, real, queue, wait, transit, calendar, journal, used, live, results,
                             int(limit[Q_LIMIT])):
                return 1
    span = 1.0 / steps
    i = 0
    for step in range(steps):
        low = now + step * span
        high = now + (step + 1) * span
        while i < count and now + at_s[i] < high:  # route this sub-step's arrivals
            j = which[i]
            arrival = now + at_s[i]
            to = -1
            if total_weight > 0.0:
                mark = draw[i] * total_weight
                for r in range(racks):
                    if live[r] > 0.0:
                        to = r
                        mark -= weight[r]
                        if mark < 0.0:
                            break
            home = max(to, 0)
            results[home, R_ARRIVED] += 1
            new, cached, output = sizes[j, 0], sizes[j, 1], sizes[j, 2]
            needed = new + cached + output
            if to < 0 or needed > limit[KV_PER_GPU] * decode_gpus[home] or (
                state[home, Q_TAIL] - state[home, Q_HEAD] >= limit[Q_LIMIT]
            ):
                results[home, R_REJECTED] += 1
            else:
                results[home, R_PROMPT] += new + cached
                if state[home, Q_TAIL] >= queue.shape[1]:
                    return 3
                _push(queue, state, home, Q_TAIL, arrival, new, cached, output, arrival)
            i += 1
        for r in range(racks):
            end = min(high, now + stop[r])
            if end <= low:
                continue
            # prefill: whole prompts, first in first out, batched up to the token budget
            q_head, q_tail, moving, rejected = state[r, Q_HEAD], state[r, Q_TAIL], state[r, TRANSIT], 0
            started, busy = 0.0, 0.0
            for c in range(workers[r]):  # passes that go on from before
                busy += max(0.0, min(free[r, c], end) - low)
            while q_head < q_tail and workers[r] > 0 and state[r, D_TAIL] - state[r, D_HEAD] < limit[D_LIMIT]:
                w = 0
                for c in range(1, workers[r]):
                    if free[r, c] < free[r, w]:
                        w = c
                begin = max(free[r, w], queue[r, q_head, 0])
                if begin >= end:
                    break
                tokens, pairs, prompts, prefix, first_slot = 0.0, 0.0, 0, 0.0, moving
                while q_head < q_tail and prompts < limit[PASS_PROMPTS]:
                    q = q_head
                    since, new, cached = queue[r, q, 0], queue[r, q, 1], queue[r, q, 2]
                    if since > begin or (prompts > 0 and tokens + new > limit[PASS_TOKENS]):
                        break
                    q_head += 1
                    if begin - since > limit[TIMEOUT_S]:
                        rejected += 1
                        continue
                    if moving >= transit.shape[1]:
                        return 2
                    tokens += new
                    prefix += new + cached
                    pairs += new * (cached + 0.5 * new)
                    transit[r, moving, 1] = new + cached
                    transit[r, moving, 2], transit[r, moving, 3] = queue[r, q, 3], queue[r, q, 4]
                    moving += 1
                    prompts += 1
                if prompts == 0:
                    continue
                duration = prefill_s(k, tokens, pairs, worker_gpus, clock[r], net[r], hbm[r])
                free[r, w] = begin + duration
                started += duration
                busy += min(begin + duration, end) - max(begin, low)
                results[r, R_PREFILL_TOKENS] += tokens
                results[r, R_CONTEXT_MOVED] += prefix
                results[r, R_PREFILL_BYTES] += k[B_REP] + k[B_EXP] / worker_gpus
                results[r, R_PREFILL_FLOPS] += (k[F_LIN] * tokens + k[F_PRE] * pairs) / worker_gpus
                for s in range(first_slot, moving):
                    transit[r, s, 0] = begin + duration + transit[r, s, 1] * k[KV_S] / net[r]
            results[r, R_PREFILL_RUN_S] += started
            results[r, R_REJECTED] += rejected
            state[r, Q_HEAD] = q_head
            results[r, R_PREFILL_S] += busy
            s, d_tail = 0, state[r, D_TAIL]
            while s < moving:  # prompts whose cache has arrived wait for a place in the batch
                if transit[r, s, 0] > end:
                    s += 1
                    continue
                slot = d_tail
                if slot >= wait.shape[1]:
                    return 4
                wait[r, slot, 0], wait[r, slot, 1] = transit[r, s, 0], transit[r, s, 1]
                wait[r, slot, 3], wait[r, slot, 4] = transit[r, s, 2], transit[r, s, 3]
                d_tail += 1
                moving -= 1
                for c in range(4):
                    transit[r, s, c] = transit[r, moving, c]
            state[r, D_TAIL], state[r, TRANSIT] = d_tail, moving
            n = decode_gpus[r]
            if n <= 0.0:
                continue
            share = 1.0
            if limit[SHARED] > 0.0 and workers[r] > 0:
                share = max(0.02, 1.0 - busy / (workers[r] * (end - low)))
            v = real[r, CLOCK_V]
            made = state[r, DONE] + state[r, RUNNING] * v - state[r, SUM_START]
            made_ok = state[r, DONE_OK] + state[r, OK] * v - state[r, SUM_START_OK]
            before_rate = real[r, RATE] if state[r, RUNNING] > 0 else 0.0
            single = -1.0
            early = 0.5 * min(real[r, DONE_RATE] * (end - low), float(state[r, RUNNING]))
            d_head, b, fine = state[r, D_HEAD], state[r, RUNNING], state[r, OK]
            starts, starts_ok = state[r, SUM_START], state[r, SUM_START_OK]
            cached_sum, reserved = state[r, CONTEXT], state[r, RESERVED]
            places, room, noted = limit[BATCH_PER_GPU] * n, limit[KV_PER_GPU] * n, used[0]
            while d_head < d_tail:  # admission: a place and room for the whole request
                q = d_head
                prompt, answer, since = wait[r, q, 1], int(wait[r, q, 3]), wait[r, q, 4]
                reserve = int(prompt) + answer
                if b >= places or reserved + reserve > room:
                    if b == 0:
                        results[r, R_REJECTED] += 1
                        d_head += 1
                        continue
                    break
                d_head += 1
                joined = max(wait[r, q, 0], low)
                early += (joined - low) / (end - low)
                at = v + before_rate * (joined - low)
                begun = int(np.ceil(at))
                if before_rate > 0.0:
                    first = (begun - at + k[ACCEPT]) / before_rate
                else:
                    if single < 0.0:
                        single = decode_s(k, 1.0, prompt, n, clock[r], net[r], hbm[r])
                    first = single
                good = 0
                if not np.isnan(since):
                    latency = joined - since + first
                    ttft[_log_bin(latency, ttft_bins[0], ttft_bins[1], ttft.size)] += 1.0
                    good = 1 if latency <= limit[TTFT_LIMIT] else 0
                at_cell = (begun + answer) & mask
                calendar[r, at_cell, C_COUNT] += 1
                calendar[r, at_cell, C_OK] += good
                calendar[r, at_cell, C_RESERVED] += reserve
                calendar[r, at_cell, C_OUTPUT] += answer
                calendar[r, at_cell, C_OUTPUT_OK] += good * answer
                if noted >= journal.shape[0]:
                    return 1
                journal[noted, 0], journal[noted, 1], journal[noted, 2], journal[noted, 3] = r, at_cell, 1, good
                journal[noted, 4], journal[noted, 5], journal[noted, 6] = reserve, answer, good * answer
                noted += 1
                b += 1
                fine += good
                starts += begun
                starts_ok += good * begun
                cached_sum += int(prompt)
                reserved += reserve
            used[0] = noted
            state[r, D_HEAD], state[r, RUNNING], state[r, OK] = d_head, b, fine
            state[r, SUM_START], state[r, SUM_START_OK] = starts, starts_ok
            state[r, CONTEXT], state[r, RESERVED] = cached_sum, reserved
            if b == 0:
                real[r, RATE], real[r, DONE_RATE] = 0.0, 0.0
                continue
            context = max(1.0, (state[r, CONTEXT] + b * v - state[r, SUM_START]) / b)
            present = max(1.0, b - early)  # mean over the sub-step of a batch that others join and leave
            duration = decode_s(k, present, context, n, clock[r], net[r], hbm[r]) / share
            rate = k[ACCEPT] / duration
            real[r, RATE] = rate
            to_v = v + rate * (end - low)
            real[r, CLOCK_V] = to_v
            finished = results[r, R_COMPLETED]
            for bucket in range(int(np.floor(v)) + 1, int(np.floor(to_v)) + 1):
                at_cell = bucket & mask
                done = calendar[r, at_cell, C_COUNT]
                if done == 0:
                    continue
                done_ok, freed = calendar[r, at_cell, C_OK], calendar[r, at_cell, C_RESERVED]
                given, given_ok = calendar[r, at_cell, C_OUTPUT], calendar[r, at_cell, C_OUTPUT_OK]
                if not _note(journal, used, r, at_cell, -done, -done_ok, -freed, -given, -given_ok):
                    return 1
                results[r, R_COMPLETED] += done
                state[r, RUNNING] -= done
                state[r, OK] -= done_ok
                state[r, SUM_START] -= done * bucket - given
                state[r, SUM_START_OK] -= done_ok * bucket - given_ok
                state[r, CONTEXT] -= freed - given
                state[r, RESERVED] -= freed
                state[r, DONE] += given
                state[r, DONE_OK] += given_ok
                for c in range(5):
                    calendar[r, at_cell, c] = 0
            real[r, DONE_RATE] = (results[r, R_COMPLETED] - finished) / (end - low)
            tokens = state[r, DONE] + state[r, RUNNING] * to_v - state[r, SUM_START] - made
            tokens_ok = state[r, DONE_OK] + state[r, OK] * to_v - state[r, SUM_START_OK] - made_ok
            per_token = duration / k[ACCEPT]
            if tokens > 0.0:
                itl[_log_bin(per_token, itl_bins[0], itl_bins[1], itl.size)] += tokens
            if per_token <= limit[ITL_LIMIT]:
                results[r, R_TOKENS_OK] += tokens_ok
            x = present * (1.0 + k[DRAFTS])
            weights = k[B_REP] + k[B_EXP] * (1.0 - np.exp(k[LN_MISS] * x)) / n
            part = (end - low) * share
            results[r, R_DECODE_S] += part
            results[r, R_BYTES] += (weights + present / n * context * k[B_KV]) / (duration * share) * part
            results[r, R_FLOPS] += (k[F_LIN] * x / n + k[F_ATT] * x * context / n) / (duration * share) * part
            results[r, R_BATCH] += present * (end - low)
            results[r, R_STEP] += duration * (end - low)
    for r in range(racks):
        results[r, R_TOKENS] = (
            state[r, DONE] + state[r, RUNNING] * real[r, CLOCK_V] - state[r, SUM_START] - before[r]
        )
    return 0
