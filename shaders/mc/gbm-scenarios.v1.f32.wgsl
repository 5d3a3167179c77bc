// A variant of mc/gbm-scenarios.v1, which alone is normative: see mc/gbm.v1.f32.
//!include wide-f32 for wide
//!include philox-f32 for philox
//!include normal-f32 for normal
//!include exp2-f32 for exp2
//!kernel mc/gbm-scenarios.v1
