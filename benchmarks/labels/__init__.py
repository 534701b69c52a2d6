"""What labels are good for learning: small trainings that differ in their labels only."""
