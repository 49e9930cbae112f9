from supervisor.config.engines import engines_installed


def test_engines_of_other_packages_are_found_by_their_entry_points() -> None:
    # tests/engines is on the path, with the metadata of packages that bring engines.
    assert "tone-cloner" in engines_installed()
