/* A first-order lag with a closed-form answer, in mixed units, and with misbehaviours chosen at compile time.

   T' = (T_ambient + R P - T) / tau, stepped exactly: T(t + h) = T_inf + (T - T_inf) e^(-h/tau).
   Variables: 0 tau [s], 1 resistance [K/kW], 2 heat [kW], 3 ambient [degC], 4 temperature [K], 5 heat as the unit
   sees it [W], 6 pressure [psi]: 10 psi per kW, 7 energy taken [J], 8 stored [J] with C = tau / R. */

#include <math.h>
#include <stdlib.h>

#include "fmi2FunctionTypes.h"

typedef struct { double temperature_k, energy_j; } Model;

static void model_start(Model *m, double *v) {
    (void)m;
    v[0] = 20.0; v[1] = 0.5; v[2] = 0.0; v[3] = 25.0;
}

static void show(Model *m, double *v) {
    v[4] = m->temperature_k;
    v[5] = v[2] * 1000.0;
    v[6] = 10.0 * v[2];
    v[7] = m->energy_j;
    v[8] = v[0] / v[1] * 1000.0 * (m->temperature_k - 273.15 - v[3]);
}

static fmi2Status model_initialize(Model *m, double *v) {
    m->temperature_k = v[3] + 273.15;
    m->energy_j = 0.0;
    show(m, v);
    return fmi2OK;
}

static fmi2Status model_step(Model *m, double *v, double t, double h) {
    double limit = v[3] + 273.15 + v[1] * v[2];
    if (t >= 5.0) {
#if defined(CRASH)
        volatile int *nothing = 0;
        *nothing = 1;
#elif defined(ABORT)
        abort();
#elif defined(HANG)
        for (;;) {}
#elif defined(REPORT_ERROR)
        return fmi2Error;
#elif defined(DISCARD)
        return fmi2Discard;
#elif defined(WARN)
        m->energy_j += v[2] * 1000.0 * h;
        m->temperature_k = limit + (m->temperature_k - limit) * exp(-h / v[0]);
        show(m, v);
        return fmi2Warning;
#endif
    }
    m->energy_j += v[2] * 1000.0 * h;
    m->temperature_k = limit + (m->temperature_k - limit) * exp(-h / v[0]);
    show(m, v);
#if defined(NOT_A_NUMBER)
    if (t >= 5.0) v[4] = NAN;
#endif
    return fmi2OK;
}

#include "co_simulation.h"
