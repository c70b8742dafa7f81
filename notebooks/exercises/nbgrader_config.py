"""nbgrader's settings for these assignments: `nbgrader --help-all` explains them."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "nst"
# What loops for ever is stopped; the cells after it still run. Five minutes are enough
# for eight pictures of 256 pixels on two slow cores, should a cell paint them.
c.ExecutePreprocessor.timeout = 300
c.ExecutePreprocessor.interrupt_on_timeout = True
c.LimitOutput.max_lines = 200
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
