"""What scores and masks have to do with objects: choosing a head (GPA), coverage of masks."""
