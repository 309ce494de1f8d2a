/* The co-simulation side of an FMI 2.0 unit around a model of real variables.

   The including file defines NREAL (variables, value references 0 .. NREAL-1), GUID, a struct Model with everything
   that steps, and
     static void model_start(Model *m, double *v);                         set start values
     static fmi2Status model_initialize(Model *m, double *v);              at exitInitializationMode
     static fmi2Status model_step(Model *m, double *v, double t, double h); from t to t + h, inputs v held
   before it includes this file. State get/set/serialise is a copy of the struct and of the variables. */

#include <stdlib.h>
#include <string.h>

#include "fmi2Functions.h"

typedef struct {
    double v[NREAL];
    double time;
    Model model;
} Moving;

typedef struct {
    Moving moving;
    const fmi2CallbackFunctions *callbacks;
    char *name;
} Instance;

const char *fmi2GetTypesPlatform(void) { return fmi2TypesPlatform; }
const char *fmi2GetVersion(void) { return fmi2Version; }

fmi2Status fmi2SetDebugLogging(fmi2Component c, fmi2Boolean on, size_t n, const fmi2String categories[]) {
    (void)c; (void)on; (void)n; (void)categories;
    return fmi2OK;
}

fmi2Component fmi2Instantiate(fmi2String name, fmi2Type type, fmi2String guid, fmi2String resources,
                              const fmi2CallbackFunctions *callbacks, fmi2Boolean visible, fmi2Boolean logging) {
    Instance *self;
    (void)resources; (void)visible; (void)logging;
    if (type != fmi2CoSimulation || strcmp(guid, GUID) != 0) return NULL;
    self = calloc(1, sizeof(Instance));
    if (!self) return NULL;
    self->callbacks = callbacks;
    self->name = malloc(strlen(name) + 1);
    if (!self->name) { free(self); return NULL; }
    strcpy(self->name, name);
    model_start(&self->moving.model, self->moving.v);
    return self;
}

void fmi2FreeInstance(fmi2Component c) {
    Instance *self = c;
    if (self) { free(self->name); free(self); }
}

fmi2Status fmi2SetupExperiment(fmi2Component c, fmi2Boolean tolerance_defined, fmi2Real tolerance, fmi2Real start,
                               fmi2Boolean stop_defined, fmi2Real stop) {
    (void)tolerance_defined; (void)tolerance; (void)stop_defined; (void)stop;
    ((Instance *)c)->moving.time = start;
    return fmi2OK;
}

fmi2Status fmi2EnterInitializationMode(fmi2Component c) { (void)c; return fmi2OK; }

fmi2Status fmi2ExitInitializationMode(fmi2Component c) {
    Instance *self = c;
    return model_initialize(&self->moving.model, self->moving.v);
}

fmi2Status fmi2Terminate(fmi2Component c) { (void)c; return fmi2OK; }

fmi2Status fmi2Reset(fmi2Component c) {
    Instance *self = c;
    memset(&self->moving, 0, sizeof self->moving);
    model_start(&self->moving.model, self->moving.v);
    return fmi2OK;
}

fmi2Status fmi2GetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Real value[]) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (vr[i] >= NREAL) return fmi2Error;
        value[i] = ((Instance *)c)->moving.v[vr[i]];
    }
    return fmi2OK;
}

fmi2Status fmi2SetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Real value[]) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (vr[i] >= NREAL) return fmi2Error;
        ((Instance *)c)->moving.v[vr[i]] = value[i];
    }
    return fmi2OK;
}

fmi2Status fmi2DoStep(fmi2Component c, fmi2Real t, fmi2Real h, fmi2Boolean no_prior) {
    Instance *self = c;
    fmi2Status status;
    (void)no_prior;
    if (!(h > 0.0)) return fmi2Error;
    status = model_step(&self->moving.model, self->moving.v, t, h);
    if (status == fmi2OK || status == fmi2Warning) self->moving.time = t + h;
    return status;
}

fmi2Status fmi2CancelStep(fmi2Component c) { (void)c; return fmi2Error; }

fmi2Status fmi2GetFMUstate(fmi2Component c, fmi2FMUstate *state) {
    if (!*state) *state = malloc(sizeof(Moving));
    if (!*state) return fmi2Error;
    memcpy(*state, &((Instance *)c)->moving, sizeof(Moving));
    return fmi2OK;
}

fmi2Status fmi2SetFMUstate(fmi2Component c, fmi2FMUstate state) {
    memcpy(&((Instance *)c)->moving, state, sizeof(Moving));
    return fmi2OK;
}

fmi2Status fmi2FreeFMUstate(fmi2Component c, fmi2FMUstate *state) {
    (void)c;
    free(*state);
    *state = NULL;
    return fmi2OK;
}

fmi2Status fmi2SerializedFMUstateSize(fmi2Component c, fmi2FMUstate state, size_t *size) {
    (void)c; (void)state;
    *size = sizeof(Moving);
    return fmi2OK;
}

fmi2Status fmi2SerializeFMUstate(fmi2Component c, fmi2FMUstate state, fmi2Byte bytes[], size_t size) {
    (void)c;
    if (size < sizeof(Moving)) return fmi2Error;
    memcpy(bytes, state, sizeof(Moving));
    return fmi2OK;
}

fmi2Status fmi2DeSerializeFMUstate(fmi2Component c, const fmi2Byte bytes[], size_t size, fmi2FMUstate *state) {
    (void)c;
    if (size < sizeof(Moving)) return fmi2Error;
    if (!*state) *state = malloc(sizeof(Moving));
    if (!*state) return fmi2Error;
    memcpy(*state, bytes, sizeof(Moving));
    return fmi2OK;
}

fmi2Status fmi2GetStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Status *value) {
    (void)c; (void)kind; (void)value;
    return fmi2Discard;
}

fmi2Status fmi2GetRealStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Real *value) {
    if (kind != fmi2LastSuccessfulTime) return fmi2Discard;
    *value = ((Instance *)c)->moving.time;
    return fmi2OK;
}

fmi2Status fmi2GetIntegerStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Integer *value) {
    (void)c; (void)kind; (void)value;
    return fmi2Discard;
}

fmi2Status fmi2GetBooleanStatus(fmi2Component c, const fmi2StatusKind kind, fmi2Boolean *value) {
    (void)c; (void)kind;
    *value = fmi2False;
    return fmi2OK;
}

fmi2Status fmi2GetStringStatus(fmi2Component c, const fmi2StatusKind kind, fmi2String *value) {
    (void)c; (void)kind; (void)value;
    return fmi2Discard;
}

#define NOT_SUPPORTED(name, type, constness) \
    fmi2Status name(fmi2Component c, const fmi2ValueReference vr[], size_t n, constness type value[]) { \
        (void)c; (void)vr; (void)value; \
        return n ? fmi2Error : fmi2OK; \
    }
NOT_SUPPORTED(fmi2GetInteger, fmi2Integer, )
NOT_SUPPORTED(fmi2GetBoolean, fmi2Boolean, )
NOT_SUPPORTED(fmi2GetString, fmi2String, )
NOT_SUPPORTED(fmi2SetInteger, fmi2Integer, const)
NOT_SUPPORTED(fmi2SetBoolean, fmi2Boolean, const)
NOT_SUPPORTED(fmi2SetString, fmi2String, const)

fmi2Status fmi2GetDirectionalDerivative(fmi2Component c, const fmi2ValueReference z[], size_t nz,
                                        const fmi2ValueReference v[], size_t nv, const fmi2Real dv[], fmi2Real dz[]) {
    (void)c; (void)z; (void)nz; (void)v; (void)nv; (void)dv; (void)dz;
    return fmi2Error;
}

fmi2Status fmi2SetRealInputDerivatives(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Integer order[],
                                       const fmi2Real value[]) {
    (void)c; (void)vr; (void)order; (void)value;
    return n ? fmi2Error : fmi2OK;
}

fmi2Status fmi2GetRealOutputDerivatives(fmi2Component c, const fmi2ValueReference vr[], size_t n,
                                        const fmi2Integer order[], fmi2Real value[]) {
    (void)c; (void)vr; (void)order; (void)value;
    return n ? fmi2Error : fmi2OK;
}
