"""What has to be known of a series before its decays are fitted: what is spoiled, gains, sampling, noise."""
