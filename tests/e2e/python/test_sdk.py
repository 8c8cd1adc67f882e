"""The official OpenAI SDK and LangChain against a running gateway.

HEADWORKS_URL and HEADWORKS_KEY name it; its model is gpt-4o, at two scripted upstreams that always say
"Hello from upstream". Run by tests/e2e/tests/e2e/sdk.rs.
"""

import asyncio
import os
import unittest

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ["HEADWORKS_URL"]
KEY = os.environ["HEADWORKS_KEY"]
MODEL = "gpt-4o"
SAID = "Hello from upstream"
MESSAGES = [{"role": "user", "content": "Hello"}]


class OpenAI(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=20)
        self.addCleanup(self.client.close)

    def test_a_chat_completion(self):
        answer = self.client.chat.completions.create(model=MODEL, messages=MESSAGES)
        self.assertEqual(answer.choices[0].message.content, SAID)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.usage.total_tokens, 8)

    def test_the_headers_name_the_deployment(self):
        raw = self.client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
        self.assertIn(raw.headers["x-litellm-model-id"], ("a", "b"))
        self.assertEqual(raw.parse().choices[0].message.content, SAID)

    def test_without_a_version_in_the_url(self):
        with openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=20) as client:
            answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
        self.assertEqual(answer.choices[0].message.content, SAID)

    def test_a_streamed_chat_completion(self):
        stream = self.client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        words = [c.choices[0].delta.content or "" for c in chunks if c.choices]
        self.assertEqual("".join(words), SAID)
        self.assertEqual(chunks[-1].usage.total_tokens, 8)

    def test_a_completion(self):
        answer = self.client.completions.create(model=MODEL, prompt="Hello")
        self.assertEqual(answer.choices[0].text, SAID)

    def test_embeddings(self):
        answer = self.client.embeddings.create(model=MODEL, input="Hello", encoding_format="float")
        self.assertEqual(answer.data[0].embedding, [0.25, -0.5, 0.75])

    def test_a_response(self):
        answer = self.client.responses.create(model=MODEL, input="Hello")
        self.assertEqual(answer.output_text, SAID)

    def test_a_streamed_response(self):
        events = list(self.client.responses.create(model=MODEL, input="Hello", stream=True))
        words = [e.delta for e in events if e.type == "response.output_text.delta"]
        self.assertEqual("".join(words), SAID)
        self.assertEqual(events[-1].type, "response.completed")

    def test_moderation_image_speech_and_transcription(self):
        moderation = self.client.moderations.create(model=MODEL, input="Hello")
        self.assertFalse(moderation.results[0].flagged)
        image = self.client.images.generate(model=MODEL, prompt="a lake")
        self.assertEqual(image.data[0].b64_json, "iVBORw==")
        speech = self.client.audio.speech.create(model=MODEL, voice="alloy", input="Hello")
        self.assertTrue(speech.content.startswith(b"ID3"))
        text = self.client.audio.transcriptions.create(model=MODEL, file=("a.wav", b"RIFF\x00\xff"))
        self.assertEqual(text.text, SAID)

    def test_many_at_once(self):
        async def ask():
            async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, timeout=20) as client:
                asking = (
                    client.chat.completions.create(model=MODEL, messages=MESSAGES) for _ in range(20)
                )
                return await asyncio.gather(*asking)

        for answer in asyncio.run(ask()):
            self.assertEqual(answer.choices[0].message.content, SAID)

    def test_azures_client(self):
        with openai.AzureOpenAI(
            azure_endpoint=URL, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=20
        ) as client:
            answer = client.chat.completions.create(model=MODEL, messages=MESSAGES)
        self.assertEqual(answer.choices[0].message.content, SAID)

    def test_models_are_listed(self):
        self.assertEqual([model.id for model in self.client.models.list()], [MODEL])

    def test_errors_are_the_sdks_own(self):
        with self.assertRaises(openai.NotFoundError) as unknown:
            self.client.chat.completions.create(model="gpt-5", messages=MESSAGES)
        self.assertEqual(unknown.exception.code, "unknown_model")
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="sk-wrong").models.list()


class LangChain(unittest.TestCase):
    def setUp(self):
        self.model = ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=KEY, timeout=20)

    def test_invoke(self):
        self.assertEqual(self.model.invoke("Hello").content, SAID)

    def test_stream(self):
        self.assertEqual("".join(chunk.content for chunk in self.model.stream("Hello")), SAID)

    def test_embeddings(self):
        embeddings = OpenAIEmbeddings(
            model=MODEL, base_url=f"{URL}/v1", api_key=KEY, check_embedding_ctx_length=False
        )
        self.assertEqual(embeddings.embed_query("Hello"), [0.25, -0.5, 0.75])


if __name__ == "__main__":
    unittest.main()
