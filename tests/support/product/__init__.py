"""The whole product: started, spread over hosts, killed, installed."""
