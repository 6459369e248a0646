"""Events to histograms: parameters, wire format, instrument, engines and MPI ranks."""
