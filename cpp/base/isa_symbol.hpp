// The one dispatch macro: CURVATURE_ISA_SYMBOL(histogram_table) is histogram_table_v3 in a source compiled for v3.
#pragma once

#define CURVATURE_ISA_JOIN_(name, isa) name##_##isa
#define CURVATURE_ISA_JOIN(name, isa) CURVATURE_ISA_JOIN_(name, isa)
#define CURVATURE_ISA_SYMBOL(name) CURVATURE_ISA_JOIN(name, CURVATURE_ISA)
