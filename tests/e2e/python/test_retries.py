"""The official OpenAI SDK, with the retries it makes by itself, against groups that fail.

HEADWORKS_URL and HEADWORKS_KEY name the gateway. Run by tests/e2e/tests/e2e/sdk.rs.
"""

import os
import time
import unittest

import openai

URL = os.environ["HEADWORKS_URL"]
KEY = os.environ["HEADWORKS_KEY"]
MESSAGES = [{"role": "user", "content": "Hello"}]


class Retries(unittest.TestCase):
    def ask(self, model, **options):
        """Asks once, as far as the caller knows; gives what came of it, and how many requests were sent."""
        sent = []
        http_client = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
        with openai.OpenAI(
            base_url=f"{URL}/v1", api_key=KEY, timeout=20, max_retries=3, http_client=http_client, **options
        ) as client:
            try:
                answer = client.chat.completions.create(model=model, messages=MESSAGES)
            except openai.APIStatusError as error:
                answer = error
        return answer, len(sent)

    def test_a_quota_that_is_used_up_for_an_hour_is_asked_once(self):
        for model in ["spent", "rested"]:
            error, sent = self.ask(model)
            self.assertIsInstance(error, openai.RateLimitError)
            self.assertGreater(int(error.response.headers["retry-after"]), 60)
            self.assertEqual(error.response.headers["x-should-retry"], "false")
            self.assertEqual(sent, 1, model)
        # By now all of it rests, and nobody is asked.
        error, sent = self.ask("rested")
        self.assertEqual((error.code, sent), ("all_resting", 1))

    def test_a_key_that_is_turned_down_is_not_shown_again(self):
        error, sent = self.ask("locked")
        self.assertIsInstance(error, openai.AuthenticationError)
        self.assertEqual(sent, 1)

    def test_a_model_nobody_knows_is_asked_for_once(self):
        error, sent = self.ask("unheard-of")
        self.assertIsInstance(error, openai.NotFoundError)
        self.assertEqual((error.code, sent), ("unknown_model", 1))

    def test_a_wait_is_waited_for_and_then_answered(self):
        began = time.monotonic()
        answer, sent = self.ask("soon")
        self.assertEqual(answer.choices[0].message.content, "Hello from upstream")
        self.assertEqual(sent, 2)
        # The provider said 1.2 s, which the gateway tells in whole seconds.
        self.assertGreaterEqual(time.monotonic() - began, 2)


if __name__ == "__main__":
    unittest.main()
