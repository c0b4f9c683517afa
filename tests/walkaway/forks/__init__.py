"""Tests of the plugin that collects once and forks workers."""
