/* The facility water loop of thermal/fws_*.py as an FMI 2.0 co-simulation unit: same states, same controls, same steps.

   facility_plant_data.h is written by the builder from the parameters of one plant: the numbers of elements (NC CDUs,
   NP pumps, NB banks, NH chillers, NX cells), the place of every parameter column (as in thermal/fws_layout.py) and
   the start values of all variables (START). Variables lie in the order parameters, inputs, outputs. */

#include <math.h>
#include <string.h>

#include "fmi2FunctionTypes.h"

#include "facility_plant_data.h"

#define NY (NP + NB + 1 + NH + NX + NC + NX + NB + 1 + NP + NB + NH + 6)
#define SPEED 0
#define FAN NP
#define BYPASS (NP + NB)
#define LOAD (BYPASS + 1)
#define SUP (LOAD + NH)
#define CDU (SUP + NX)
#define RET (CDU + NC)
#define BANK (RET + NX)
#define EVA (BANK + NB)
#define PUMP_J (EVA + 1)
#define FAN_J (PUMP_J + NP)
#define CHL_J (FAN_J + NB)
#define TERM (CHL_J + NH)
enum { E_DRY, E_TOWER, E_CHILLER, E_AMBIENT, E_CTL, E_WATER };
enum { O_FLOW, O_DP, O_MIX, O_LVG, O_RET, O_SUP, O_BYP, NOUT };

typedef struct { double on, ready_s; } Machine;

typedef struct {
    double y[NY];
    Machine pump[NP], chiller[NH + 1];
    double guarded[NB], bank_ready_s[NB];
    double fan_integral, heat_signal, dp_integral, speed_set, load_integral, load_set, missing_s, warm_s, cool_s, ready_s;
    double branch[NC], through[NP], out[NOUT];
    double db, wb, p, w, rho, h;
} Model;

/* ------------------------------------------------------------------------------------------- where things lie in v */
#define CDUP(v, i, k) (v)[V_CDU + NCDUP * (i) + (k)]
#define PUMPP(v, i, k) (v)[V_PUMP + NPUMPP * (i) + (k)]
#define BANKP(v, i, k) (v)[V_BANK + NBANKP * (i) + (k)]
#define CHLP(v, i, k) (v)[V_CHILLER + NCHLP * (i) + (k)]
#define UC(v, i, k) (v)[U_CDU + 2 * (i) + (k)]
#define UP(v, i, k) (v)[U_PUMP + 4 * (i) + (k)]
#define UB(v, i, k) (v)[U_BANK + 4 * (i) + (k)]
#define UH(v, i, k) (v)[U_CHILLER + 4 * (i) + (k)]
#define US(v, k) (v)[U_SITE + (k)]

static double min2(double a, double b) { return a < b ? a : b; }
static double max2(double a, double b) { return a > b ? a : b; }
static double clamp(double x, double low, double high) { return min2(max2(x, low), high); }

/* ------------------------------------------------------------------------------------------------------- moist air */
static double w_sat(double t, double p) {
    double e = 611.2 * exp(17.62 * t / (243.12 + t));
    return 0.621945 * e / (p - e);
}

static double enthalpy(double t, double w) { return 1006.0 * t + w * (2.501e6 + 1860.0 * t); }

static void outdoor_air(Model *m, const double *v) {
    double liquid;
    m->db = US(v, US_DB); m->wb = US(v, US_WB); m->p = US(v, US_P);
    liquid = 4186.0 * m->wb;
    m->w = max2((w_sat(m->wb, m->p) * (2.501e6 + 1860.0 * m->wb - liquid) - 1006.0 * (m->db - m->wb))
                / (2.501e6 + 1860.0 * m->db - liquid), 0.0);
    m->rho = v[G_RHOAIR] > 0.0 ? v[G_RHOAIR]
                               : m->p * (1.0 + m->w) / (287.042 * (m->db + 273.15) * (1.0 + m->w / 0.621945));
    m->h = enthalpy(m->db, m->w);
}

/* ------------------------------------------------------------------------------------------------------ hydraulics */
static double head_of(const double *v, const double *speed, int i) {
    return speed[i] > 0.0 ? PUMPP(v, i, P_H0) * UP(v, i, UP_HEAD) * speed[i] * speed[i] : 0.0;
}

static double solve_flows(const double *v, const double *speed, double *branch, double *through, double *dp) {
    double conductance = 0.0, resistance, high = 0.0, strongest = 0.0, weight = 0.0, total = 0.0, pressure;
    int i, round;
    for (i = 0; i < NC; i++) {
        double r = v[G_RANGE];
        double opening = (pow(r, UC(v, i, UC_VALVE)) - 1.0) / (r - 1.0) + v[G_LEAK];
        branch[i] = 1.0 / sqrt(CDUP(v, i, C_BRANCH) + CDUP(v, i, C_VALVE) / (opening * opening));
        conductance += branch[i];
    }
    resistance = v[G_LOOP] + 1.0 / (conductance * conductance);
    for (i = 0; i < NP; i++) {
        double h = head_of(v, speed, i);
        if (h > 0.0) {
            high += sqrt(h / PUMPP(v, i, P_A));
            strongest = max2(strongest, h);
            weight += 1.0 / sqrt(PUMPP(v, i, P_A));
        }
    }
    if (high > 1e-9) {
        double low = 0.0;
        total = min2(sqrt(strongest / (resistance + 1.0 / (weight * weight))), high);
        for (round = 0; round < 80; round++) {
            double balance = -total, slope = -1.0, following, moved;
            pressure = resistance * total * total;
            for (i = 0; i < NP; i++) {
                double h = head_of(v, speed, i);
                if (h > pressure) {
                    double q = sqrt((h - pressure) / PUMPP(v, i, P_A));
                    balance += q;
                    slope -= resistance * total / (PUMPP(v, i, P_A) * q);
                }
            }
            if (balance > 0.0) low = total; else high = total;
            following = total - balance / slope;
            if (!(low <= following && following <= high)) following = 0.5 * (low + high);
            moved = fabs(following - total);
            total = following;
            if (moved <= 1e-13 * total + 1e-15) break;
        }
    }
    pressure = resistance * total * total;
    for (i = 0; i < NP; i++) {
        double h = head_of(v, speed, i);
        through[i] = h > pressure ? sqrt((h - pressure) / PUMPP(v, i, P_A)) : 0.0;
    }
    for (i = 0; i < NC; i++) branch[i] *= total / conductance;
    *dp = (total / conductance) * (total / conductance);
    return total;
}

/* -------------------------------------------------------------------------------------------------- heat rejection */
static double dry_bank(const Model *m, const double *v, int i, double inlet, double water, double air_share,
                       double *air_w_k, double *leaving) {
    double cp = v[G_CP], water_w_k = water * cp, entering = m->db + UB(v, i, UB_RECIRC), ua, fraction, small, large, eff;
    *air_w_k = m->rho / (1.0 + m->w) * BANKP(v, i, B_AIR) * air_share * (1006.0 + 1860.0 * m->w);
    *leaving = entering;
    if (water_w_k <= 1e-6 || *air_w_k <= 1e-6) return 0.0;
    fraction = m->rho * air_share / BANKP(v, i, B_RHO);
    ua = UB(v, i, UB_UA) * BANKP(v, i, B_UA) * (1.0 + BANKP(v, i, B_RATIO))
         / (pow(max2(water / BANKP(v, i, B_WATER), 1e-3), -0.8) + BANKP(v, i, B_RATIO) * pow(max2(fraction, 1e-4), -0.6));
    small = min2(water_w_k, *air_w_k);
    large = max2(water_w_k, *air_w_k);
    {
        double ntu = ua / small, c = small / large;
        eff = (1.0 - exp(pow(ntu, 0.22) / c * expm1(-c * pow(ntu, 0.78)))) * small;
    }
    *leaving = entering + eff * (inlet - entering) / *air_w_k;
    return eff * (inlet - entering);
}

static double wet_bank(const Model *m, const double *v, int i, double inlet, double water, double air_share,
                       double *air_kg_s, double *h_in, double *h_out, double *evaporated) {
    double cp = v[G_CP], wb = m->wb + UB(v, i, UB_RECIRC), span, upper, slope, flowing, ntu, c, gap, eps, heat, most, surface, t;
    double w_surface;
    int round;
    *h_in = UB(v, i, UB_RECIRC) == 0.0 ? m->h : enthalpy(wb, w_sat(wb, m->p));
    *air_kg_s = m->rho / (1.0 + m->w) * BANKP(v, i, B_AIR) * air_share;
    *h_out = *h_in;
    *evaporated = 0.0;
    if (water <= 1e-9 || *air_kg_s <= 1e-9) return 0.0;
    span = inlet - wb;
    if (fabs(span) < 0.01) span = 0.01;
    upper = enthalpy(inlet, w_sat(inlet, m->p));
    slope = (enthalpy(wb + span, w_sat(wb + span, m->p)) - enthalpy(wb, w_sat(wb, m->p))) / span;
    flowing = max2(water, 0.02 * BANKP(v, i, B_WATER));
    ntu = UB(v, i, UB_UA) * BANKP(v, i, B_NTU)
          * pow(flowing / *air_kg_s / (BANKP(v, i, B_WATER) / (BANKP(v, i, B_RHO) * BANKP(v, i, B_AIR))), 0.4);
    c = *air_kg_s * slope / (flowing * cp);
    gap = 1.0 - c;
    if (fabs(gap) < 1e-9) {
        eps = ntu / (1.0 + ntu);
    } else {
        double decay = exp(min2(-ntu * gap, 300.0));
        eps = (1.0 - decay) / (1.0 - c * decay);
    }
    heat = eps * *air_kg_s * (upper - *h_in);
    most = water * cp * (inlet - wb);
    heat = heat > 0.0 ? min2(heat, max2(most, 0.0)) : max2(heat, min2(most, 0.0));
    *h_out = *h_in + heat / *air_kg_s;
    surface = *h_in + (*h_out - *h_in) / (1.0 - exp(-ntu));
    t = heat > 0.0 ? inlet : wb;
    for (round = 0; round < 8; round++) {
        double h = enthalpy(t, w_sat(t, m->p)) - surface;
        double dh = (enthalpy(t + 0.01, w_sat(t + 0.01, m->p)) - surface - h) / 0.01;
        t -= h / dh;
    }
    w_surface = w_sat(t, m->p);
    *evaporated = max2(*air_kg_s * (w_surface + (m->w - w_surface) * exp(-ntu) - m->w), 0.0);
    return heat;
}

/* --------------------------------------------------------------------------------------------------------- the ODE */
static void rhs(Model *m, const double *v, const double *y, double *dy) {
    double cp = v[G_CP], dp, total, advected, ambient = 0.0, shaft_w = 0.0, before, loss, mixed = 0.0, b, target, share;
    double mixture, cooled = 0.0, supply_end = y[CDU - 1], return_end = y[BANK - 1];
    int i, k;
    for (k = PUMP_J; k < NY; k++) dy[k] = 0.0;
    total = solve_flows(v, y, m->branch, m->through, &dp);
    advected = total * cp;
    for (i = 0; i < NP; i++) {
        double s = max2(y[i], 0.0);
        if (m->pump[i].on * UP(v, i, UP_POWER) * (1.0 - UP(v, i, UP_TRIP)) > 0.5) {
            double rate = 1.0 / PUMPP(v, i, P_RAMP), phi, shaft, electric, b0 = PUMPP(v, i, P_SHARE);
            dy[i] = clamp((m->speed_set - s) / 1.0, -rate, rate);
            phi = s > 1e-3 ? m->through[i] / (s * PUMPP(v, i, P_RATED)) : 0.0;
            shaft = PUMPP(v, i, P_SHAFT) * s * s * s * (b0 + (1.0 - b0) * phi);
            electric = shaft / PUMPP(v, i, P_MOTOR);
            shaft_w += shaft;
            ambient += electric * (1.0 - PUMPP(v, i, P_MOTOR));
            dy[PUMP_J + i] = electric;
        } else {
            dy[i] = s > 0.0 ? -(s * s + 4e-3) / PUMPP(v, i, P_COAST) : 0.0;
        }
    }
    before = y[EVA];
    for (k = 0; k < NX; k++) {
        loss = v[G_US] * (y[SUP + k] - m->db);
        dy[SUP + k] = (advected * (before - y[SUP + k]) - loss + (k == 0 ? shaft_w : 0.0)) / v[G_CS];
        ambient += loss;
        before = y[SUP + k];
    }
    for (i = 0; i < NC; i++) {
        dy[CDU + i] = (m->branch[i] * cp * (supply_end - y[CDU + i]) + UC(v, i, UC_HEAT)) / CDUP(v, i, C_CAP);
        mixed += m->branch[i] * cp * y[CDU + i];
    }
    for (k = 0; k < NX; k++) {
        loss = v[G_UR] * (y[RET + k] - m->db);
        dy[RET + k] = ((k == 0 ? mixed : advected * y[RET + k - 1]) - advected * y[RET + k] - loss) / v[G_CR];
        ambient += loss;
    }
    b = clamp(y[BYPASS], 0.0, 1.0);
    target = US(v, US_STUCK) >= 0.0 ? US(v, US_STUCK) : max2(-m->heat_signal, 0.0);
    dy[BYPASS] = clamp((target - y[BYPASS]) / 4.0, -1.0 / v[G_STROKE], 1.0 / v[G_STROKE]);
    share = total * (1.0 - b) / NB;
    mixture = b * return_end;
    for (i = 0; i < NB; i++) {
        double s = max2(y[FAN + i], 0.0), driven, air_share, fan_w, heat;
        double wanted = max2(m->heat_signal, 0.0) * UB(v, i, UB_POWER) * (1.0 - m->guarded[i]);
        if (m->bank_ready_s[i] < BANKP(v, i, B_RESTART)) wanted = 0.0;
        dy[FAN + i] = (wanted - y[FAN + i]) / BANKP(v, i, B_LAG);
        driven = UB(v, i, UB_FAN) * s;
        air_share = driven + BANKP(v, i, B_NAT) * (1.0 - driven);
        fan_w = UB(v, i, UB_POWER) * BANKP(v, i, B_FAN) * UB(v, i, UB_FAN) * s * s * s * (m->rho / BANKP(v, i, B_RHO));
        if (BANKP(v, i, B_WET) > 0.5) {
            double air_kg_s, h_in, h_out, evaporated, spray = share > 0.0 ? BANKP(v, i, B_SPRAY) : 0.0;
            heat = wet_bank(m, v, i, return_end, share, air_share, &air_kg_s, &h_in, &h_out, &evaporated);
            dy[TERM + E_TOWER] += air_kg_s * (h_out - h_in) + fan_w;
            dy[TERM + E_WATER] += evaporated * BANKP(v, i, B_CYCLES) / (BANKP(v, i, B_CYCLES) - 1.0)
                                  + BANKP(v, i, B_DRIFT) * spray;
        } else {
            double air_w_k, leaving;
            heat = dry_bank(m, v, i, return_end, share, air_share, &air_w_k, &leaving);
            dy[TERM + E_DRY] += air_w_k * (leaving - (m->db + UB(v, i, UB_RECIRC))) + fan_w;
        }
        dy[FAN_J + i] = fan_w;
        dy[BANK + i] = (share * cp * (return_end - y[BANK + i]) - heat) / BANKP(v, i, B_CAP);
        mixture += (1.0 - b) / NB * y[BANK + i];
    }
    for (i = 0; i < NH; i++) {
        int running = m->chiller[i].on * UH(v, i, UH_POWER) * (1.0 - UH(v, i, UH_TRIP)) > 0.5;
        double plr = max2(y[LOAD + i], 0.0), wanted = running ? clamp(m->load_set, CHLP(v, i, H_MIN), 1.0) : 0.0;
        double electric = UH(v, i, UH_POWER) * CHLP(v, i, H_IDLE), evaporator = 0.0;
        dy[LOAD + i] = (wanted - y[LOAD + i]) / CHLP(v, i, H_LAG);
        if (running) {
            double factor = 1.0 + 0.025 * (y[EVA] - CHLP(v, i, H_LVG)) - 0.01 * (m->db - CHLP(v, i, H_AMB));
            double part = 0.3 + 0.7 * plr, evaporation = y[EVA] - CHLP(v, i, H_DTE) * part + 273.15;
            double lift = max2(m->db + CHLP(v, i, H_DTC) * part + 273.15 - evaporation, 10.0);
            double cop = CHLP(v, i, H_ETA) * (1.0 - 0.15 * (1.0 - plr) * (1.0 - plr)) * evaporation / lift;
            evaporator = plr * UH(v, i, UH_CAP) * CHLP(v, i, H_CAP) * clamp(factor, 0.3, 1.3);
            electric += evaporator / cop + CHLP(v, i, H_AUX);
        }
        cooled += evaporator;
        dy[CHL_J + i] = electric;
        dy[TERM + E_CHILLER] += evaporator + electric;
    }
    dy[EVA] = (advected * (mixture - y[EVA]) - cooled) / v[G_CE];
    dy[TERM + E_CTL] = v[G_CTLW] * US(v, US_POWER);
    dy[TERM + E_AMBIENT] = ambient + dy[TERM + E_CTL];
}

/* -------------------------------------------------------------------------------------------------------- controls */
static void observe(Model *m, const double *v) {
    double b = clamp(m->y[BYPASS], 0.0, 1.0), mixed = b * m->y[BANK - 1];
    int i;
    m->out[O_FLOW] = solve_flows(v, m->y, m->branch, m->through, &m->out[O_DP]);
    for (i = 0; i < NB; i++) mixed += (1.0 - b) / NB * m->y[BANK + i];
    m->out[O_MIX] = mixed;
    m->out[O_LVG] = m->y[EVA];
    m->out[O_BYP] = b;
    m->out[O_SUP] = m->y[CDU - 1];
    m->out[O_RET] = m->y[BANK - 1];
}

static void interlock(Model *m, const double *v) {
    int i;
    for (i = 0; i < NP; i++)
        if (UP(v, i, UP_POWER) < 0.5 || UP(v, i, UP_TRIP) > 0.5) m->pump[i].on = m->pump[i].ready_s = 0.0;
    for (i = 0; i < NH; i++) {
        int lost = UH(v, i, UH_POWER) < 0.5 || UH(v, i, UH_TRIP) > 0.5;
        if (lost) m->chiller[i].ready_s = 0.0;
        if (m->chiller[i].on > 0.5 && (lost || m->out[O_FLOW] < v[G_HFLOW])) m->chiller[i].on = m->chiller[i].ready_s = 0.0;
    }
    for (i = 0; i < NB; i++)
        if (UB(v, i, UB_POWER) < 0.5) m->bank_ready_s[i] = 0.0;
    if (US(v, US_POWER) < 0.5) m->ready_s = 0.0;
}

static double integral(double now, double gained, double step, double low, double high) {
    double output = now + gained;
    return (output >= high && step > 0.0) || (output <= low && step < 0.0) ? now : now + step;
}

static void scan(Model *m, const double *v) {
    double period = v[G_SCAN], error, gained, leaving_k;
    int i, running = 0, on = 0;
    if (US(v, US_POWER) < 0.5 || US(v, US_FAIL) > 0.5 || m->ready_s < v[G_CTLRESTART]) return;
    for (i = 0; i < NP; i++) running += m->pump[i].on > 0.5;
    if (running < v[G_DUTY]) {
        m->missing_s += period;
        if (m->missing_s > v[G_DETECT])
            for (i = 0; i < NP; i++)
                if (UP(v, i, UP_POWER) > 0.5 && UP(v, i, UP_TRIP) < 0.5 && UP(v, i, UP_BLOCK) < 0.5 && m->pump[i].on < 0.5
                    && m->pump[i].ready_s >= PUMPP(v, i, P_RESTART)) {
                    m->pump[i].on = 1.0;
                    running++;
                    break;
                }
    } else {
        m->missing_s = 0.0;
    }
    if (running > 0) {
        gained = v[G_DPGAIN] * (v[G_DPSET] - m->out[O_DP]) / v[G_DPSET];
        m->dp_integral = integral(m->dp_integral, gained, gained * period / v[G_DPTI], v[G_SMIN], 1.0);
        m->speed_set = clamp(m->dp_integral + gained, v[G_SMIN], 1.0);
    }
    error = m->out[O_MIX] + US(v, US_BIAS) - v[G_TSET];
    gained = v[G_FGAIN] * error;
    m->fan_integral = integral(m->fan_integral, gained, gained * period / v[G_FTI], -1.0, 1.0);
    m->heat_signal = clamp(m->fan_integral + gained, -1.0, 1.0);
    for (i = 0; i < NB; i++) {
        if (m->guarded[i] < 0.5 && m->y[BANK + i] < v[G_FREEZE]) m->guarded[i] = 1.0;
        else if (m->guarded[i] > 0.5 && m->y[BANK + i] > v[G_FREEZE] + 3.0) m->guarded[i] = 0.0;
    }
    for (i = 0; i < NH; i++) on += m->chiller[i].on > 0.5;
    leaving_k = m->out[O_LVG] + US(v, US_BIAS) - v[G_TSET];
    m->warm_s = leaving_k > v[G_HON] && (on == 0 || m->load_set >= 0.999) ? m->warm_s + period : 0.0;
    if (m->warm_s > v[G_HONS] && m->out[O_FLOW] >= 1.2 * v[G_HFLOW])
        for (i = 0; i < NH; i++)
            if (UH(v, i, UH_POWER) > 0.5 && UH(v, i, UH_TRIP) < 0.5 && UH(v, i, UH_BLOCK) < 0.5 && m->chiller[i].on < 0.5
                && m->chiller[i].ready_s >= CHLP(v, i, H_RESTART)) {
                m->chiller[i].on = 1.0;
                m->warm_s = 0.0;
                on++;
                break;
            }
    if (on > 0) {
        gained = v[G_HGAIN] * leaving_k;
        m->load_integral = integral(m->load_integral, gained, gained * period / v[G_HTI], 0.0, 1.0);
        m->load_set = clamp(m->load_integral + gained, 0.0, 1.0);
        m->cool_s = error < v[G_HOFF] && m->load_set <= CHLP(v, 0, H_MIN) + 0.05 ? m->cool_s + period : 0.0;
        if (m->cool_s > v[G_HOFFS])
            for (i = NH - 1; i >= 0; i--)
                if (m->chiller[i].on > 0.5) {
                    m->chiller[i].on = m->chiller[i].ready_s = m->cool_s = 0.0;
                    break;
                }
    } else {
        m->load_integral = m->load_set = m->cool_s = 0.0;
    }
}

/* ------------------------------------------------------------------------------------------------------------ life */
static double stored_j(const Model *m, const double *v) {
    double sum = v[G_CE] * (m->y[EVA] - 20.0);
    int i;
    for (i = 0; i < NX; i++) sum += v[G_CS] * (m->y[SUP + i] - 20.0) + v[G_CR] * (m->y[RET + i] - 20.0);
    for (i = 0; i < NC; i++) sum += CDUP(v, i, C_CAP) * (m->y[CDU + i] - 20.0);
    for (i = 0; i < NB; i++) sum += BANKP(v, i, B_CAP) * (m->y[BANK + i] - 20.0);
    return sum;
}

static void report(Model *m, double *v, double seconds) {
    int i, k = OUT;
    for (i = 0; i < NC; i++) v[k++] = m->out[O_SUP];
    for (i = 0; i < NC; i++) v[k++] = m->branch[i];
    for (i = 0; i < NOUT; i++) v[k++] = m->out[i];
    for (i = 0; i < NP + NB + NH; i++) v[k++] = m->y[PUMP_J + i] / seconds;
    v[k++] = m->y[TERM + E_CTL] / seconds;
    v[k++] = m->y[TERM + E_WATER] / seconds;
    for (i = 0; i < NP + NB; i++) v[k++] = m->y[i];
    for (i = 0; i < NH; i++) v[k++] = m->y[LOAD + i];
    for (i = 0; i < 6; i++) v[k++] = m->y[TERM + i];
    v[k++] = stored_j(m, v);
}

static void model_start(Model *m, double *v) {
    (void)m;
    memcpy(v, START, sizeof START);
}

static fmi2Status model_initialize(Model *m, double *v) {
    int i, duty = (int)v[G_DUTY];
    memset(m, 0, sizeof *m);
    for (i = SUP; i <= EVA; i++) m->y[i] = v[G_TSET];
    for (i = 0; i < NP; i++) {
        m->pump[i].ready_s = 1e9;
        if (i < duty) { m->pump[i].on = 1.0; m->y[SPEED + i] = 0.85; }
    }
    for (i = 0; i < NH; i++) m->chiller[i].ready_s = 1e9;
    for (i = 0; i < NB; i++) m->bank_ready_s[i] = 1e9;
    m->ready_s = 1e9;
    m->dp_integral = m->speed_set = 0.85;
    observe(m, v);
    report(m, v, 1.0);
    return fmi2OK;
}

static fmi2Status model_step(Model *m, double *v, double start, double length) {
    long long t = llround(start * 1e6), end = llround((start + length) * 1e6), every = llround(v[G_SCAN] * 1e6);
    double k1[NY], k2[NY], k3[NY], k4[NY], trial[NY];
    int i, n;
    outdoor_air(m, v);
    for (i = PUMP_J; i < NY; i++) m->y[i] = 0.0;
    while (t < end) {
        long long past = ((t % every) + every) % every, until = t - past + every;
        double seconds, h;
        int steps;
        if (until > end) until = end;
        observe(m, v);
        interlock(m, v);
        if (past == 0) scan(m, v);
        seconds = (double)(until - t) * 1e-6;
        steps = (int)ceil(seconds / v[G_SUB] - 1e-9);
        if (steps < 1) steps = 1;
        h = seconds / steps;
        for (n = 0; n < steps; n++) {
            rhs(m, v, m->y, k1);
            for (i = 0; i < NY; i++) trial[i] = m->y[i] + 0.5 * h * k1[i];
            rhs(m, v, trial, k2);
            for (i = 0; i < NY; i++) trial[i] = m->y[i] + 0.5 * h * k2[i];
            rhs(m, v, trial, k3);
            for (i = 0; i < NY; i++) trial[i] = m->y[i] + h * k3[i];
            rhs(m, v, trial, k4);
            for (i = 0; i < NY; i++) m->y[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
        }
        for (i = 0; i < NP; i++) { m->pump[i].ready_s += seconds; m->y[i] = max2(m->y[i], 0.0); }
        for (i = 0; i < NB; i++) m->bank_ready_s[i] += seconds;
        m->ready_s += seconds;
        for (i = 0; i < NH; i++) {
            m->chiller[i].ready_s += seconds;
            if (m->chiller[i].on < 0.5) m->y[LOAD + i] = 0.0;
        }
        t = until;
    }
    observe(m, v);
    report(m, v, length);
    return fmi2OK;
}

#include "co_simulation.h"
